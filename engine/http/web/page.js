// The job's page: asks for what is new every interval, and draws Spark's Streaming tab with it. All texts of the job go into
// the page as text, never as markup.
'use strict';

const retained = 1000, rowsShown = 50, bins = 10, phases = ['waiting', 'work', 'merge', 'sinks', 'commit'];
const token = new URLSearchParams(location.search).get('token');
const batches = new Map(); // by batch_id
const rowsDrawn = new Map(); // by batch_id: the row, and the text that it was made of
let charts = [], interval = 2000, startedAt = 0, base = '', nodes = [];

const byId = (id) => document.getElementById(id);

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

async function askText(path) {
  const answer = await fetch(path, token ? { headers: { Authorization: 'Bearer ' + token } } : {}), text = await answer.text();
  if (!answer.ok) throw new Error(answer.status + ' ' + text);
  return text;
}

const ask = async (path) => JSON.parse(await askText(path));

// ---- Words

const number = (value) => value.toLocaleString('en-US');
const plural = (count, one) => number(count) + ' ' + one + (count === 1 ? '' : 's');

function duration(ms) {
  if (ms < 1000) return (ms < 10 ? ms.toFixed(1) : Math.round(ms)) + ' ms';
  if (ms < 60000) return (ms / 1000).toFixed(ms < 10000 ? 1 : 0).replace(/\.0$/, '') + (ms === 1000 ? ' second' : ' seconds');
  const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]], parts = [];
  let rest = Math.round(ms / 1000);
  for (const [unit, seconds] of units) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count) parts.push(plural(count, unit));
  }
  return parts.slice(0, 2).join(' ');
}

// With its milliseconds where it has some: batches of less than a second would look alike.
const time = (ms) => new Date(ms).toISOString().slice(0, ms % 1000 ? 23 : 19).replace('T', ' ').replaceAll('-', '/') + ' UTC';
const clock = (ms) => new Date(ms).toISOString().slice(11, 19);

// ---- Charts

const isDone = (batch) => batch.state === 'completed';
const rows = [
  { name: 'Input rate', unit: 'records/s', all: true, hint: 'Records of each batch, by its interval',
    of: (b) => records(b) * 1000 / b.interval_ms },
  { name: 'Scheduling delay', unit: 'ms', hint: 'Time that a batch waited for those before it', of: (b) => b.scheduling_delay_ms },
  { name: 'Processing time', unit: 'ms', hint: 'Time to process a batch; dashed: the interval', of: (b) => b.processing_ms, line: true },
  { name: 'Total delay', unit: 'ms', hint: 'Time from the cut of a batch to its end', of: (b) => b.total_delay_ms },
];

function records(batch) {
  return isDone(batch) ? batch.records : batch.ranges.reduce((sum, range) => sum + range.until - range.from, 0);
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function intervalDraw(canvas, area, graph) {
  const y = graph.toDomYCoord(interval);
  if (y < area.y || y > area.y + area.h) return;
  canvas.save();
  canvas.strokeStyle = colour('--interval');
  canvas.lineWidth = 2;
  canvas.setLineDash([6, 4]);
  canvas.beginPath();
  canvas.moveTo(area.x, y);
  canvas.lineTo(area.x + area.w, y);
  canvas.stroke();
  canvas.restore();
}

function light(ms) {
  const found = [...batches.values()].find((batch) => batch.batch_time === ms), drawn = found && rowsDrawn.get(found.batch_id);
  if (!drawn) return;
  drawn.row.scrollIntoView({ block: 'center' });
  drawn.row.classList.add('lit');
  setTimeout(() => drawn.row.classList.remove('lit'), 3000);
}

function chartMake(row) {
  const timeline = element('div', { class: 'timeline', role: 'img', 'aria-label': row.name + ' over time' });
  const average = element('p', { class: 'average' }), histogram = element('div', { class: 'histogram', 'aria-hidden': 'true' });
  byId('charts').append(element('div', { class: 'row' },
    element('div', {}, element('h3', { title: row.hint }, row.name), average), timeline, histogram));
  const graph = window.Dygraph && new Dygraph(timeline, [[new Date(0), 0]], {
    labels: ['time', row.name], legend: 'follow', labelsUTC: true, drawPoints: true, pointSize: 2, strokeWidth: 1.5, color: colour('--work'),
    axisLineColor: colour('--line'), gridLineColor: colour('--line'), highlightCircleSize: 4,
    axes: { y: { axisLabelWidth: 46 }, x: { axisLabelFormatter: (date) => clock(+date), valueFormatter: (ms) => clock(ms) } },
    valueRange: [0, null], underlayCallback: row.line ? intervalDraw : null, clickCallback: (event, ms) => light(ms),
  });
  if (!window.Dygraph) timeline.textContent = 'No charts: compiled without libjs-dygraphs.';
  return { row, graph, average, histogram };
}

function histogramDraw(chart, values, top) {
  const counts = new Array(bins).fill(0), most = top || 1;
  for (const value of values) counts[Math.min(bins - 1, Math.floor(value / most * bins))]++;
  const highest = Math.max(1, ...counts), parts = [];
  for (let i = bins - 1; i >= 0; i--) {
    const size = Math.round(counts[i] / highest * 100);
    parts.push(element('span', { class: 'label' }, i % 3 === 0 ? number(+(most * i / bins).toPrecision(2)) : ''));
    parts.push(element('span', { class: counts[i] ? 'bar' : 'bar none', style: 'width:' + Math.max(size, 1) + '%', title: plural(counts[i], 'batch') }));
  }
  if (chart.row.line && top <= interval) parts.push(element('span', {}, ''), element('span', { title: 'Processing time <= batch interval' }, 'stable'));
  chart.histogram.replaceChildren(...parts);
}

function chartsDraw() {
  const list = [...batches.values()].sort((a, b) => a.batch_id - b.batch_id), done = list.filter(isDone);
  const delays = Math.max(1, ...done.map((b) => b.total_delay_ms));
  for (const chart of charts) {
    const shown = chart.row.all ? list : done, values = shown.map(chart.row.of);
    const top = chart.row.all ? Math.max(1, ...values) : delays;
    const average = values.length ? values.reduce((a, b) => a + b, 0) / values.length : 0;
    chart.average.textContent = values.length ? 'Avg: ' + (chart.row.all ? average.toFixed(2) + ' records/s' : duration(average)) : 'no batch yet';
    if (chart.graph && shown.length) chart.graph.updateOptions({ file: shown.map((b, i) => [new Date(b.batch_time), values[i]]), valueRange: [0, top * 1.1] });
    histogramDraw(chart, values, Math.max(...values, 0));
  }
}

// ---- Batches

function phasesDraw(batch) {
  const all = batch.phases_us && phases.reduce((sum, name) => sum + batch.phases_us[name], 0);
  if (!all) return '';
  const bar = element('div', { class: 'phases', role: 'img' });
  bar.title = phases.map((name) => name + ' ' + duration(batch.phases_us[name] / 1000)).join(', ');
  bar.setAttribute('aria-label', bar.title);
  for (const name of phases) bar.append(element('span', { class: name, style: 'width:' + batch.phases_us[name] / all * 100 + '%' }));
  return bar;
}

function detailsOf(batch) {
  const lines = batch.ranges.map((r) => r.topic + ' ' + r.partition + ': ' + number(r.from) + ' to ' + number(r.until) + (r.lag ? ', lag ' + number(r.lag) : ''));
  const box = element('details', {}, element('summary', {}, time(batch.batch_time)));
  box.append(element('p', {}, lines.length ? lines.join('; ') : 'nothing to read'));
  if (batch.steps_us) box.append(element('p', {}, 'Workers: ' + Object.entries(batch.steps_us).map(([name, us]) => name + ' ' + duration(us / 1000)).join(', ')));
  if (batch.slowest_partition) box.append(element('p', {}, 'Slowest: partition ' + batch.slowest_partition.topic + ' ' + batch.slowest_partition.partition + ' (' +
    duration(batch.slowest_partition.us / 1000) + '), worker ' + batch.slowest_worker.worker + ' (' + duration(batch.slowest_worker.us / 1000) + ')'));
  if (batch.hot_keys) box.append(element('p', {}, 'Hot keys: ' + batch.hot_keys.map((hot) => hot.name + ' ' + hot.key + ' (' + Math.round(100 * hot.share) + ' %)').join(', ')));
  if (isDone(batch)) box.append(element('p', {}, number(batch.records) + ' records = ' + number(batch.written) + ' written + ' + number(batch.duplicates) +
    ' duplicates + ' + number(batch.filtered) + ' filtered + ' + number(batch.dead_letters) + ' dead letters'));
  if (batch.error) box.append(element('p', { class: 'failed' }, batch.error));
  return box;
}

const words = { submitted: 'queued', started: 'processing', failed: 'failed, trying again', completed: 'completed' };

function rowMake(batch) {
  const ended = isDone(batch) || batch.state === 'failed', cell = (text) => element('td', {}, text);
  const state = words[batch.state] + (batch.attempt > 1 ? ' (attempt ' + batch.attempt + ')' : '') + (batch.dead_letters ? ', ' + plural(batch.dead_letters, 'dead letter') : '');
  return element('tr', {}, element('td', {}, detailsOf(batch)), cell(plural(records(batch), 'record')),
    cell(batch.state === 'submitted' ? '-' : duration(batch.scheduling_delay_ms)), cell(ended ? duration(batch.processing_ms) : '-'),
    cell(ended ? duration(batch.total_delay_ms) : '-'), element('td', {}, phasesDraw(batch)),
    element('td', { class: batch.state === 'failed' ? 'failed' : '' }, state));
}

// Rows that did not change stay, with what is open in them and the keyboard's place.
function rowsDraw() {
  const wanted = [...batches.values()].sort((a, b) => b.batch_id - a.batch_id).slice(0, rowsShown), body = byId('rows');
  const kept = new Set(wanted.map((batch) => batch.batch_id));
  for (const [id, drawn] of rowsDrawn) if (!kept.has(id)) { drawn.row.remove(); rowsDrawn.delete(id); }
  let before = body.firstChild;
  for (const batch of wanted) {
    const text = JSON.stringify(batch), drawn = rowsDrawn.get(batch.batch_id);
    if (drawn && drawn.text === text) { before = drawn.row.nextSibling; continue; }
    const row = rowMake(batch);
    if (drawn) { before = drawn.row.nextSibling; drawn.row.replaceWith(row); } else body.insertBefore(row, before);
    rowsDrawn.set(batch.batch_id, { row, text });
  }
}

// ---- State, lookups, sinks

const size = (bytes) => bytes < 1e6 ? Math.ceil(bytes / 1024) + ' KB' : (bytes / 1048576).toFixed(1) + ' MB';
const placeOf = (name) => (nodes.find((node) => node.name === name && node.place) || { place: '' }).place;

// Of /metrics: { customers: { rows: 17, ... } } by the label of that name.
function metricsBy(text, label, begin) {
  const found = {};
  for (const line of text.split('\n')) {
    const parts = line.match(/^([a-z_]+)\{.*?\b([a-z_]+)="([^"]*)"\} (\S+)$/);
    if (parts && parts[2] === label && parts[1].startsWith(begin))
      (found[parts[3]] = found[parts[3]] || {})[parts[1].slice(begin.length)] = +parts[4];
  }
  return found;
}

function partsDraw(newest, text, outputs) {
  const lines = [], errors = metricsBy(text, 'output', 'sluice_output_');
  for (const state of newest.states || []) lines.push(['state', state.name, 'memory', plural(state.keys, 'key') + ', ' + size(state.bytes)]);
  for (const [name, of] of Object.entries(metricsBy(text, 'lookup', 'sluice_lookup_')))
    lines.push(['lookup', name, placeOf(name), plural(of.rows_total, 'row') + ', ' + number(of.missed_total) + ' without an answer; ' +
      plural(of.asked_total, 'key') + ' asked for in ' + duration(1000 * of.asking_seconds_total)]);
  for (const output of outputs)
    lines.push(['sink', output.name, output.description, (output.duration === undefined ? '-' : duration(output.duration) + ' in the newest batch') +
      '; ' + plural((errors[output.name] || { errors_total: 0 }).errors_total, 'failed attempt')]);
  byId('lines').replaceChildren(...lines.map((cells) => element('tr', {}, ...cells.map((cell) => element('td', {}, cell)))));
}

async function partsUpdate() {
  const newest = [...batches.values()].filter(isDone).sort((a, b) => b.batch_id - a.batch_id)[0];
  if (newest) partsDraw(newest, await askText('metrics'), await ask(base + 'batches/' + newest.batch_time + '/operations'));
}

// ---- Plan and settings

function planDraw() {
  const width = 190, height = 46, apart = 44, drawn = [], space = 'http://www.w3.org/2000/svg';
  let line = 0, deepest = 0;
  const place = (index, depth) => {
    const children = nodes.map((node, i) => i).filter((i) => nodes[i].input === index && i !== index), first = line;
    deepest = Math.max(deepest, depth);
    children.forEach((child, i) => { if (i) line++; place(child, depth + 1); });
    drawn[index] = { x: depth * (width + apart), y: first * (height + 14) };
  };
  nodes.forEach((node, i) => { if (node.input === null) { if (drawn.length) line++; place(i, 0); } });
  const svg = document.createElementNS(space, 'svg');
  const add = (name, attributes, text) => {
    const made = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    svg.append(made);
  };
  const cut = (text) => text.length > 24 ? text.slice(0, 23) + '…' : text;
  svg.setAttribute('width', (deepest + 1) * (width + apart));
  svg.setAttribute('height', (line + 1) * (height + 14));
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', nodes.map((n) => n.kind + ' ' + n.name + (n.place ? ' ' + n.place : '')).join(', then '));
  nodes.forEach((node, i) => {
    const { x, y } = drawn[i], from = node.input === null ? null : drawn[node.input];
    if (from) add('path', { d: `M${from.x + width} ${from.y + height / 2}h${apart / 3}L${x - apart / 3} ${y + height / 2}h${apart / 3}` });
    add('rect', { x: x + 0.5, y: y + 0.5, width: width - 1, height: height - 1, rx: 5 });
    add('text', { x: x + 8, y: y + 18 }, cut(node.kind + ' ' + node.name));
    add('text', { x: x + 8, y: y + 35, class: 'soft' }, cut(node.place));
  });
  byId('drawing').replaceChildren(svg);
}

function settingsDraw(list) {
  byId('values').replaceChildren(...list.map((s) => element('tr', {}, element('td', {}, s.name), element('td', { class: 'wide' }, s.value), element('td', {}, s.origin))));
}

// ---- Life

function statusDraw(status) {
  document.title = status.job + ' - Sluice';
  byId('job').textContent = status.job;
  byId('state').textContent = status.state + (status.reason ? ': ' + status.reason : '');
  byId('state').className = status.state === 'running' ? 'good' : 'bad';
  interval = status.interval_ms;
  byId('summary').replaceChildren('Running batches of ', element('strong', {}, duration(interval)), ' for ',
    element('strong', {}, duration(Date.now() - startedAt)), ' since ', element('strong', {}, time(startedAt)), ' (',
    element('strong', {}, number(status.batches)), ' completed batches, ', element('strong', {}, number(status.records)), ' records)');
  const slow = (status.listeners || []).filter((listener) => listener.lost);
  if (slow.length) byId('summary').append(' · lost by slow listeners: ' + slow.map((l) => l.name + ' ' + number(l.lost)).join(', '));
}

async function update() {
  let newest = 0;
  for (const batch of batches.values()) if (isDone(batch)) newest = Math.max(newest, batch.batch_id);
  const [status, advice, list] = await Promise.all([ask('status'), ask('advice'), ask('batches?last=' + retained + '&after=' + newest)]);
  for (const batch of list) batches.set(batch.batch_id, batch);
  const ids = [...batches.keys()].sort((a, b) => a - b);
  for (const id of ids.slice(0, Math.max(0, ids.length - retained))) batches.delete(id);
  statusDraw(status);
  byId('advice').textContent = 'Advice: ' + advice.advice + '.';
  byId('advice').className = advice.known && !advice.stable ? 'failed' : '';
  chartsDraw();
  rowsDraw();
  await partsUpdate();
}

async function live() {
  try {
    if (!document.hidden) await update();
  } catch (error) {
    byId('state').textContent = 'no answer: ' + error.message;
    byId('state').className = 'bad';
  }
  setTimeout(live, Math.min(5000, Math.max(500, interval)));
}

async function start() {
  charts = rows.map(chartMake);
  for (const name of phases) byId('legend').append(element('i', { class: name }), name);
  try {
    const [apps, plan, settings] = await Promise.all([ask('api/v1/applications'), ask('plan'), ask('settings')]);
    startedAt = apps[0].attempts[0].startTimeEpoch;
    nodes = plan;
    planDraw();
    settingsDraw(settings);
    base = 'api/v1/applications/' + encodeURIComponent(apps[0].id) + '/streaming/';
    for (const path of ['api/v1/applications', base + 'statistics', base + 'receivers', base + 'batches', 'status', 'batches', 'advice', 'health', 'ready', 'metrics'])
      byId('paths').append(element('a', { href: path + (token ? '?token=' + encodeURIComponent(token) : '') }, path), ' · ');
  } catch (error) {
    byId('state').textContent = 'no answer: ' + error.message;
  }
  live();
}

start();

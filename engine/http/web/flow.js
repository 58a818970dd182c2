// The page of `sluice flow`: asks for the newest look every second and draws the stages in their order. All texts go into the
// page as text, never as markup.
'use strict';

const token = new URLSearchParams(location.search).get('token');
const byId = (id) => document.getElementById(id);

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function number(value) {
  return value < 10 && value > 0 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US');
}

const percent = (share) => Math.round(100 * share) + ' %';

function jobFacts(job) {
  return [['rate', number(job.rate) + ' /s'], ['behind', number(job.lag) + (job.ships ? ' bytes' : ' records')], ['lag', number(job.lag_s) + ' s'],
    ['queue', number(job.queued) + ' batches'], ['works', percent(job.busy) + ' of the time'], ['errors', number(job.errors) + ' /s'], ['CPU', percent(job.cpu)]];
}

function serverFacts(server) {
  return [['rate', number(server.rate) + ' /s'], ['queue', number(server.queue)], ['latency', number(server.latency_ms) + ' ms'],
    ['errors', number(server.errors) + ' /s'], ['CPU', percent(server.cpu)]];
}

function stage(title, name, facts, stuck) {
  const list = element('dl', {});
  for (const [label, value] of facts) list.append(element('dt', {}, label), element('dd', {}, value));
  return element('section', { class: stuck ? 'stage stuck' : 'stage' }, element('h2', {}, title), element('p', { class: 'average' }, name), list);
}

const jobStage = (flow, job) => stage(job.ships ? 'Shipper' : 'Engine', job.name, job.state ? jobFacts(job) : [['', 'does not answer']],
  flow.bottleneck === (job.ships ? 'the shipper' : 'the engine'));

function serverStage(flow, title, server) {
  if (!server.asked) return [];
  return [stage(title, server.place, server.answers ? serverFacts(server) : [['', server.trouble || 'does not answer']], flow.bottleneck === title)];
}

function metricsOf(flow) {
  const rows = [], broker = flow.broker;
  if (flow.kafka.answers) rows.push(['Kafka', 'MessagesInPerSec', number(broker.messages_in)], ['Kafka', 'BytesInPerSec', number(broker.bytes_in)],
    ['Kafka', 'BytesOutPerSec', number(broker.bytes_out)], ['Kafka', 'UnderReplicatedPartitions', number(broker.under_replicated)],
    ['Kafka', 'TotalTimeMs Produce', number(broker.produce_ms)], ['Kafka', 'TotalTimeMs FetchConsumer', number(broker.fetch_ms)]);
  for (const job of flow.jobs) {
    const out = job.kafka_out, into = job.kafka_in;
    if (job.ships) rows.push([job.name, 'record-send-rate', number(out.records)], [job.name, 'outgoing-byte-rate', number(out.bytes_out)],
      [job.name, 'request-rate', number(out.requests)], [job.name, 'response-rate', number(out.answers)],
      [job.name, 'request-latency-avg', number(out.latency_ms) + ' ms']);
    else rows.push([job.name, 'records-lag-max', number(Math.max(0, ...job.partitions.map((part) => part.records)))],
      [job.name, 'incoming-byte-rate', number(into.bytes_in)], [job.name, 'bytes-consumed-rate', number(into.bytes_in)],
      [job.name, 'records-consumed-rate', number(job.rate)]);
    for (const [name, share] of Object.entries(job.shares)) if (share > 0.005) rows.push([job.name, 'working time: ' + name, percent(share)]);
  }
  return rows;
}

const rowOf = (cells) => element('tr', {}, ...cells.map((cell) => element('td', {}, String(cell))));

function draw(flow) {
  if (!flow.kafka) return;
  const shippers = flow.jobs.filter((job) => job.ships), engines = flow.jobs.filter((job) => !job.ships);
  byId('state').textContent = flow.sentence;
  byId('state').className = flow.bottleneck === 'nothing' ? 'good' : 'bad';
  byId('summary').textContent = 'Of the last ' + number(flow.seconds) + ' seconds; this machine\'s CPU: ' + percent(flow.cpu);
  byId('stages').replaceChildren(...shippers.map((job) => jobStage(flow, job)), ...serverStage(flow, 'Kafka', flow.kafka),
    ...engines.map((job) => jobStage(flow, job)), ...serverStage(flow, 'Redis', flow.redis), ...serverStage(flow, 'Elasticsearch', flow.elastic));
  byId('metrics').replaceChildren(...metricsOf(flow).map(rowOf));
  byId('lags').replaceChildren(...engines.flatMap((job) => job.partitions.map((part) =>
    rowOf([job.group, part.topic, part.partition, number(part.records), part.seconds.toFixed(1)]))));
}

async function ask() {
  try {
    const answer = await fetch('flow', token ? { headers: { Authorization: 'Bearer ' + token } } : {});
    if (!answer.ok) throw new Error(answer.status + ' ' + (await answer.text()));
    draw(await answer.json());
  } catch (trouble) {
    byId('state').textContent = 'sluice flow does not answer: ' + trouble.message;
    byId('state').className = 'bad';
  }
  setTimeout(ask, 1000);
}

ask();

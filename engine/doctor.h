/*
 * doctor.h - are the servers and topics of a job there? For JOB --doctor, which `sluice doctor` asks: a line for each finding,
 * "ok", "warn" or "BAD" first, and what to do. Nothing is written anywhere, and nothing of a running job is disturbed.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <engine_parts.h>

/* SL_UNREACHABLE: a server or a topic is not there; told already, the failure stays empty. */
sl_result doctor_look(const engine *engine, FILE *out);

#endif

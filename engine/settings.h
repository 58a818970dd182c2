/*
 * settings.h - all settings of a job program: the engine's own rows and those of every kind and of the job.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <base/settings.h>
#include <sluice/job.h>

extern const setting engine_settings[]; /* ends with { 0 } */

/* The rows of the engine, of every kind, and the job's options (flags with the job's names). */
settings *settings_for(const sl_job *job);

/* Fills the job's options struct from the settings; texts live as long as the settings. */
void settings_fill(const settings *settings, const sl_job *job, void *options);

#endif

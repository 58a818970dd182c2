/*
 * base/faults.h - named points where a test may kill the process: SLUICE_FAULT=after_journal:3 kills it with SIGKILL
 * the third time it comes there; after_journal:3:forget also loses what was not synced, as a power cut does; with :abort the
 * process dies of a mistake of its own.
 * SLUICE_DISK_FAULT breaks the disk, see disk_break(); SLUICE_CLOCK_FAULT sets the clock, see clock_break(). Without the variables a point costs one load.
 */
#ifndef BASE_FAULTS_H
#define BASE_FAULTS_H

void faults_open(void); /* reads the variables, once */
void fault_point(const char *name);

#endif

/*
 * base/faults.h - named points where a test may kill the process: SLUICE_FAULT=after_journal:3 kills it with SIGKILL
 * the third time it comes there. Without the variable a point costs one load.
 */
#ifndef BASE_FAULTS_H
#define BASE_FAULTS_H

void faults_open(void); /* reads SLUICE_FAULT, once */
void fault_point(const char *name);

#endif

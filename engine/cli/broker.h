/*
 * cli/broker.h - `sluice broker`: a Kafka broker in memory, for trying things out without Kafka.
 */
#ifndef CLI_BROKER_H
#define CLI_BROKER_H

/* argv[0] is "broker". Runs until SIGINT or SIGTERM; gives the exit code. */
int broker_run(int argc, char **argv);

#endif

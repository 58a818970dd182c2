/*
 * base/notify.h - tells the service manager how the process is (systemd: sd_notify(3), a datagram to $NOTIFY_SOCKET). Without a
 * service manager that asks for it, all of this does nothing. Any thread.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdint.h>

void notify_ready(void);    /* it serves: what depends on it may start */
void notify_stopping(void); /* it was asked to end, and does */
/* It goes on: a datagram when half of the watchdog's time has passed since the last one. Gives when it wants to be called again,
 * on the monotonic clock; INT64_MAX: there is no watchdog. */
int64_t notify_alive(void);

#endif

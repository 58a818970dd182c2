/*
 * tests/servers/tsan_threads.h - naming tsan_threads links the C11 threads that the thread sanitizer understands.
 */
#ifndef SERVERS_TSAN_THREADS_H
#define SERVERS_TSAN_THREADS_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define UNDER_THREAD_SANITIZER
#endif

extern const int tsan_threads; /* 1 under it */

#endif

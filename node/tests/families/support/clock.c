/* Preloaded into redis-server: the time of day is the number of microseconds in the file that TEST_CLOCK names,
 * read anew at each question. Other clocks go on. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static uint64_t micros(void) {
  static volatile const uint64_t *now;
  if (!now) {
    const char *path = getenv("TEST_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *now, PROT_READ, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) _exit(97);
    close(file);
    now = page;
  }
  return *now;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  uint64_t now = micros();
  time->tv_sec = (time_t)(now / 1000000);
  time->tv_usec = (suseconds_t)(now % 1000000);
  return 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) {
    return (int)syscall(SYS_clock_gettime, clock, time);
  }
  uint64_t now = micros();
  time->tv_sec = (time_t)(now / 1000000);
  time->tv_nsec = (long)(now % 1000000) * 1000;
  return 0;
}

time_t time(time_t *out) {
  time_t now = (time_t)(micros() / 1000000);
  if (out) *out = now;
  return now;
}

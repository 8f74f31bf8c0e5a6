/*
 * procstat.c - process_* metrics.
 *
 * May touch: /proc/self, getrusage, getrlimit.
 */
#include "serve/procstat.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

void rkd_procstat_open(struct rkd_procstat *stat, int64_t start_ms)
{
    stat->start_ms = start_ms;
    stat->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    stat->fds = opendir("/proc/self/fd"); /* close-on-exec by itself */
}

void rkd_procstat_close(struct rkd_procstat *stat)
{
    if (stat->statm_fd >= 0)
        (void)close(stat->statm_fd);
    if (stat->fds != NULL)
        (void)closedir(stat->fds);
    stat->statm_fd = -1;
    stat->fds = NULL;
}

/* "size resident ..." in pages. */
static bool read_pages(int fd, uint64_t out[2])
{
    char text[128];
    const ssize_t len = fd < 0 ? -1 : pread(fd, text, sizeof(text), 0);
    size_t n = 0;
    bool is_in = false;

    out[0] = out[1] = 0;
    for (ssize_t i = 0; i < len && n < 2; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            out[n] = out[n] * 10 + (uint64_t)(text[i] - '0');
            is_in = true;
        } else if (is_in) {
            is_in = false;
            n++;
        }
    }
    return n == 2;
}

/* 0: not known. The directory's own descriptor is one of them. */
static uint64_t count_fds(DIR *fds)
{
    const struct dirent *entry;
    uint64_t count = 0;

    if (fds == NULL)
        return 0;
    rewinddir(fds);
    while ((entry = readdir(fds)) != NULL) /* a stream of our own: nobody else reads it */
        count += entry->d_name[0] != '.';
    return count;
}

static uint64_t ns_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

void rkd_procstat_write(const struct rkd_procstat *stat, struct rkd_expo *expo)
{
    const uint64_t fds = count_fds(stat->fds);
    uint64_t pages[2];
    struct rusage usage;
    struct rlimit files;

    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        rkd_expo_family(expo, RKD_EXPO_COUNTER, "process_cpu_seconds",
                        "Total user and system CPU time spent in seconds.");
        rkd_expo_sample(expo, NULL);
        rkd_expo_ns(expo, ns_of(usage.ru_utime) + ns_of(usage.ru_stime));
    }
    if (read_pages(stat->statm_fd, pages)) {
        const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

        rkd_expo_one(expo, RKD_EXPO_GAUGE, "process_virtual_memory_bytes",
                     "Virtual memory size in bytes.", pages[0] * page);
        rkd_expo_one(expo, RKD_EXPO_GAUGE, "process_resident_memory_bytes",
                     "Resident memory size in bytes.", pages[1] * page);
    }
    if (fds != 0)
        rkd_expo_one(expo, RKD_EXPO_GAUGE, "process_open_fds", "Number of open file descriptors.",
                     fds);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
        rkd_expo_one(expo, RKD_EXPO_GAUGE, "process_max_fds",
                     "Maximum number of open file descriptors.", files.rlim_cur);
    rkd_expo_family(expo, RKD_EXPO_GAUGE, "process_start_time_seconds",
                    "Start time of the process since unix epoch in seconds.");
    rkd_expo_sample(expo, NULL);
    rkd_expo_ns(expo, (uint64_t)stat->start_ms * 1000000);
}

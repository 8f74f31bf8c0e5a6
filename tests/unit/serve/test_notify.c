/* test_notify.c - what the service manager hears, on its own socket; and that nobody need listen.
 */
#include "check.h"

#include "serve/notify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PID = 4711 };

static const char *next(int fd, char out[static 256])
{
    const ssize_t got = recv(fd, out, 255, MSG_DONTWAIT);

    out[got < 0 ? 0 : got] = '\0';
    return out;
}

static void open_with(struct rkd_notify *notify, char *const *entries)
{
    const struct rkd_env env = {.entries = entries, .pid = PID};

    rkd_notify_open(notify, &env);
}

static void test_messages(void **state)
{
    char dir[] = "/tmp/roomkey-notify-XXXXXX", variable[128], usec[] = "WATCHDOG_USEC=2000000";
    char pid[] = "WATCHDOG_PID=4711", text[256];
    char *entries[] = {variable, usec, pid, NULL};
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct rkd_notify notify;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
    (void)snprintf(variable, sizeof(variable), "NOTIFY_SOCKET=%s", addr.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    open_with(&notify, entries);
    CHECK(notify.is_open && notify.watchdog_ns == 1000000000, "half of the time");
    assert_string_equal(next(fd, text), "");
    rkd_notify_ready(&notify);
    assert_string_equal(next(fd, text), "READY=1\nSTATUS=serving");
    rkd_notify_reloading(&notify, 1234567);
    assert_string_equal(next(fd, text), "RELOADING=1\nMONOTONIC_USEC=1234\n"
                                        "STATUS=reading the configuration again");
    rkd_notify_reloaded(&notify, false);
    CHECK(strncmp(next(fd, text), "READY=1\n", 8) == 0 && strstr(text, "failed") != NULL,
          "the old configuration serves");
    rkd_notify_alive(&notify, 5000000000);
    assert_string_equal(next(fd, text), "WATCHDOG=1");
    rkd_notify_alive(&notify, 5900000000);
    assert_string_equal(next(fd, text), "");
    rkd_notify_alive(&notify, 6000000000);
    assert_string_equal(next(fd, text), "WATCHDOG=1");
    rkd_notify_stopping(&notify);
    CHECK(strncmp(next(fd, text), "STOPPING=1\n", 11) == 0, "the end");
    (void)close(fd);
    rkd_notify_ready(&notify); /* into a socket that is gone */
    rkd_notify_close(&notify);
    rkd_notify_close(&notify);
    assert_int_equal(unlink(addr.sun_path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_nobody(void **state)
{
    static const char *const addresses[] = {"NOTIFY_SOCKET=",  "NOTIFY_SOCKET=/nonexistent/s",
                                            "NOTIFY_SOCKET=@", "NOTIFY_SOCKET=vsock:2:1",
                                            "NOTIFY_SOCKET=s", "NOTIFY_SOCKETS=/x"};
    struct rkd_notify notify = {.is_open = false};

    (void)state;
    rkd_notify_ready(&notify); /* all zero: nobody */
    rkd_notify_close(&notify);
    CHECK(fcntl(STDIN_FILENO, F_GETFD) >= 0, "descriptor 0 is not ours");
    rkd_notify_open(&notify, NULL);
    CHECK(!notify.is_open, "no environment");
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        char variable[64];
        char *entries[] = {variable, NULL};

        (void)snprintf(variable, sizeof(variable), "%s", addresses[i]);
        open_with(&notify, entries);
        CHECK(!notify.is_open, addresses[i]);
        rkd_notify_alive(&notify, 1);
        rkd_notify_close(&notify);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

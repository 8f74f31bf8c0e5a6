#!/bin/sh
# boot.sh ROOT GROUP WORDS... - runs WORDS as process 1 of a machine of its own that has nothing but the directory ROOT.
#
# Own mounts, processes, network, name, IPC and control groups; the files of this machine are taken away before WORDS run,
# because systemd cleans and writes what it finds. GROUP is an empty control group (v2) that the caller made and removes: all
# that happens inside stays below it. /sys and what of /proc belongs to the kernel are read-only. Called by test_boot.py.
set -eu

if [ "$1" != --inside ]; then
    echo 0 >"$2/cgroup.procs"
    exec unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net --cgroup "$0" --inside "$@"
fi
root=$2
shift 3

mount --bind "$root" "$root"
cd "$root"
mount -t tmpfs -o mode=755,size=64m none run
mount -t tmpfs -o mode=1777,size=16m none tmp
mount -t tmpfs -o mode=755,size=1m none dev
for node in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "dev/${node%:*}" c 1 "${node#*:}"
done
mknod -m 666 dev/tty c 5 0
mkdir dev/shm dev/pts
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=1777,size=1m none dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 none dev/pts
ln -s pts/ptmx dev/ptmx
mount -t proc -o nosuid,nodev,noexec none proc
mount -t sysfs -o ro,nosuid,nodev,noexec none sys
mount -t cgroup2 -o nosuid,nodev,noexec none sys/fs/cgroup
for path in proc/sys proc/sysrq-trigger proc/irq proc/bus; do
    [ ! -e "$path" ] || { mount --bind "$path" "$path" && mount -o remount,bind,ro "$path"; }
done
mkdir -p .gone
pivot_root . .gone
exec /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 container=roomkey-test /bin/sh -euc '
    cd /
    umount -l /.gone
    rmdir /.gone
    [ "$(cat /proc/self/cgroup | grep "^0::")" = 0::/ ] && [ $$ = 1 ]
    mount --make-rshared / # among the processes in here, as on any machine: credentials are mounted that way
    hostname inside
    exec setpriv --bounding-set -sys_module,-sys_time,-sys_rawio,-syslog,-mac_admin,-mac_override,-wake_alarm,-bpf,-perfmon "$@"' sh "$@"

"""A machine in which a package is installed: this one, as it is now, in
namespaces of its own.

Its files are those of this machine, and what is written to them is kept apart
and is forgotten. Its network is a loopback of its own, so its web servers
have port 80; and nothing that runs in it outlives it. There is no systemd in
it: `systemctl` is a script that does as little as the tests need.
"""

import os
import pathlib
import subprocess
import tempfile

from responder import clean_environ, wait_until

# What is written goes to memory. PID 1 has to wait for orphans.
BOOT = """
set -eu
mount -t tmpfs -o mode=0755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" \
    overlay "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/run"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/var/tmp"
ip link set lo up
exec chroot "$1/root" /bin/sh -c \
    'mkdir -p /run/lock; echo booted; sleep infinity & wait'
"""

# Services are started as where systemd does not run; sockets by the tests.
SYSTEMCTL = """#!/bin/sh
exec "/etc/init.d/$2" "$1"
"""


class NoMachine(Exception):
    """Why namespaces or a file system cannot be had."""


class Machine:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-sse-machine-"))
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
             "--propagation", "private", "/bin/sh", "-c", BOOT, "sh",
             self.dir], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, env=self.environ())
        if self.process.stdout.readline() != "booted\n":
            self.stop()
            self.errors.seek(0)
            raise NoMachine(self.errors.read().decode())
        task = pathlib.Path(f"/proc/{self.process.pid}/task")
        self.init, = (task / str(self.process.pid) / "children") \
            .read_text().split()
        self.write("/usr/local/sbin/systemctl", SYSTEMCTL, "0755")
        self.write("/etc/apt/apt.conf.d/99yes", 'APT::Get::Assume-Yes "1";')
        # What is written is forgotten anyway, and nobody reads a manual.
        self.write("/etc/dpkg/dpkg.cfg.d/unsafe", "force-unsafe-io")
        self.check("rm -f /var/lib/man-db/auto-update")

    @staticmethod
    def environ():
        return clean_environ({
            "PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})

    def command(self, text):
        return ["nsenter", "--target", self.init, "--mount", "--net", "--pid",
                "--root", "--wd", "/bin/sh", "-euc", f"cd /root; {text}"]

    def sh(self, text, **options):
        """Runs it as root: the CompletedProcess, both outputs in one."""
        # Not a pipe: a server would hold it open.
        with tempfile.TemporaryFile() as out:
            done = subprocess.run(
                self.command(text), stdout=out, stderr=subprocess.STDOUT,
                env=self.environ(), timeout=180,
                **{"stdin": subprocess.DEVNULL, **options})
            out.seek(0)
            done.stdout = out.read().decode(errors="replace")
        return done

    def check(self, text, **options):
        done = self.sh(text, **options)
        assert done.returncode == 0, f"{text}\n{done.stdout}"
        return done.stdout

    def write(self, path, content, mode="0644"):
        if isinstance(content, str):
            content = content.encode()
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            self.check(f"install -m {mode} /dev/stdin {path}", stdin=file)

    def popen(self, text, **options):
        return subprocess.Popen(self.command(text), env=self.environ(),
                                stdin=subprocess.DEVNULL, **options)

    def files(self):
        """The paths that this machine itself does not have, and "-" before
        those that it has and that are gone there."""
        # Outside of its root what was written is a folder; a file that was
        # removed is a device there.
        command = [word for word in self.command("") if word != "--root"]
        command[-3:] = ["find", self.dir / "upper", "-mindepth", "1",
                        "-printf", "%y /%P\n"]
        done = subprocess.run(command, check=True, text=True,
                              stdout=subprocess.PIPE)
        temporary = self.check("find /var/tmp -mindepth 1").splitlines()
        written = [line.split(" ", 1) for line in done.stdout.splitlines()]
        return set(temporary) \
            | {path for kind, path in written
               if kind != "c" and not os.path.lexists(path)} \
            | {f"-{path}" for kind, path in written
               if kind == "c" and os.path.lexists(path)}

    def stop(self):
        self.process.kill()         # and with it all that runs there
        self.process.wait()
        self.process.stdout.close()
        # Its file systems go with the last of its processes.
        wait_until(lambda: not list(self.dir.iterdir()), "it is gone")
        self.dir.rmdir()

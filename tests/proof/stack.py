"""A stack as people run it: postgres, redis, nginx, a migration, an application, thirteen workers.

Everything lies in one directory, on ports of its own; postgres refuses to be root, so it is
another user's where the tests are run by root.
"""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

PG = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("/missing"))
NEEDED = (str(PG / "postgres"), "redis-server", "redis-cli", "nginx", "psql")
MISSING = [name for name in NEEDED if shutil.which(name) is None]

MIGRATION = "create table posts (id int); insert into posts values (1), (2), (3)"
"""What the application needs before it starts; a second one would fail."""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


class Stack:
    """The files of a stack in a directory."""

    def __init__(self, directory: Path, migration: str = MIGRATION) -> None:
        self.directory = directory
        self.redis, self.web, self.nginx, self.postgres = free_ports(4)
        for name in (".logs", "data", "sockets", "temp"):
            (directory / name).mkdir(exist_ok=True)
        is_root = os.getuid() == 0
        if is_root:
            for name in ("data", "sockets"):
                shutil.chown(directory / name, "postgres")
        self._user = 'user = "postgres"' if is_root else ""
        (directory / "nginx.conf").write_text(self._nginx())
        (directory / "supervisord.toml").write_text(self._supervisord(migration))

    def _nginx(self) -> str:
        temporary = "".join(
            f"{kind}_temp_path {self.directory}/temp/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return dedent(f"""\
            daemon off;
            pid {self.directory}/nginx.pid;
            error_log stderr;
            events {{}}
            http {{
            access_log off;
            {temporary}
            server {{
              listen 127.0.0.1:{self.nginx};
              location / {{ proxy_pass http://127.0.0.1:{self.web}; }}
            }}
            }}
            """)

    def _supervisord(self, migration: str) -> str:
        server = f"-h {self.directory}/sockets -p {self.postgres}"
        psql = f"psql -X -q -v ON_ERROR_STOP=1 -U postgres {server}"
        serve = f"exec python3 -m http.server -b 127.0.0.1 {self.web}"
        return dedent(f"""\
            [supervisord]
            directory = "%(here)s"
            childlogdir = "%(here)s/.logs"

            [program.initdb]
            type = "task"
            command = "{PG}/initdb -D data -U postgres -A trust --no-sync"
            {self._user}

            [program.postgres]
            command = "{PG}/postgres -D data -k {self.directory}/sockets -p {self.postgres} -h ''"
            {self._user}
            depends_on = ["initdb"]
            ready = {{ exec = "{PG}/pg_isready -q {server}" }}
            stopsignal = "INT"

            [program.redis]
            command = "redis-server --port {self.redis} --save '' --bind 127.0.0.1"
            ready = {{ tcp = "127.0.0.1:{self.redis}" }}
            autorestart = true

            [program.migrate]
            type = "task"
            command = ["sh", "-c", "{psql} -c '{migration}'"]
            depends_on = ["postgres"]

            [program.web]
            command = ["sh", "-c", "{psql} -c 'select count(*) from posts' && {serve}"]
            depends_on = ["migrate"]
            ready = {{ http = "http://127.0.0.1:{self.web}/nginx.conf" }}

            [program.consumer]
            command = ["sh", "-c", "redis-cli -p {self.redis} ping && exec sleep 1000"]
            depends_on = {{ redis = {{ restart = true }} }}

            [program.nginx]
            command = "nginx -c {self.directory}/nginx.conf -p {self.directory}"
            depends_on = ["web"]
            ready = {{ http = "http://127.0.0.1:{self.nginx}/nginx.conf" }}
            stopsignal = "QUIT"
            """)

"""A stack as people run it: postgres, redis, nginx, a migration, an application, thirteen workers.

Everything lies in one directory, on ports of its own; postgres refuses to be root, so it is
another user's where the tests are run by root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import tomli_w
from workers import NAMES, TEMPLATE, free_ports

PG = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("/missing"))
NEEDED = (str(PG / "postgres"), "redis-server", "redis-cli", "nginx", "psql")
MISSING = [name for name in NEEDED if shutil.which(name) is None]

MIGRATION = "create table posts (id int); insert into posts values (1), (2), (3)"
"""What the application needs before it starts; a second one would fail."""


class Stack:
    """The files of a stack in a directory."""

    def __init__(self, directory: Path, migration: str = MIGRATION) -> None:
        self.directory = directory
        base = free_ports(more=5)
        self.redis, self.web, self.nginx, self.postgres = range(base, base + 4)
        for name in (".logs", "data", "sockets", "temp"):
            (directory / name).mkdir(exist_ok=True)
        is_root = os.getuid() == 0
        if is_root:
            for name in ("data", "sockets"):
                shutil.chown(directory / name, "postgres")
        self._user = 'user = "postgres"' if is_root else ""
        (directory / "nginx.conf").write_text(self._nginx())
        (directory / "supervisord.toml").write_text(self._supervisord(migration))
        self._add_workers(base + 4)

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

    def _add_workers(self, base: int) -> None:
        """Include the programs of the demonstration, as configure writes them."""
        shutil.copytree(TEMPLATE.parent, self.directory / "conf")
        configure = Path(sys.executable).with_name("trio-supervisor")
        ports = f"--port_base={base}", f"--page_port={base + len(NAMES)}"
        command = [str(configure), "configure", "-o", "demo.toml", *ports]
        subprocess.run(command, cwd=self.directory, check=True, capture_output=True)
        made = self.directory / "demo.toml"
        tables = tomllib.loads(made.read_text())
        made.unlink()
        programs = {name: tables[name] for name in ("program", "group")}
        (self.directory / "workers.toml").write_text(tomli_w.dumps(programs))

    def _supervisord(self, migration: str) -> str:
        server = f"-h {self.directory}/sockets -p {self.postgres}"
        psql = f"psql -X -q -v ON_ERROR_STOP=1 -U postgres {server}"
        serve = f"exec python3 -m http.server -b 127.0.0.1 {self.web}"
        return dedent(f"""\
            [supervisord]
            directory = "%(here)s"
            childlogdir = "%(here)s/.logs"

            [include]
            files = "workers.toml"

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

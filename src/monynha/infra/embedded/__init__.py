"""The embedded PostgreSQL and Valkey: servers that the program starts, supervises, shares and stops.

Modules:
    binaries           where the programs of the servers are
    bootstrap          creates the roles, the login and the database in a new cluster
    cluster            creates and checks the PostgreSQL cluster on disk
    data_dir           the paths of the data folder
    file_lock          which processes may use a data folder at the same time
    launcher           a script that changes the user and becomes the server process
    postgres_server    how PostgreSQL is started, and its options
    process_user       which user the servers run as
    secret_file        the secrets generated at the first start
    servers            starts the servers, or joins those that run (`run_servers`)
    stale_processes    stops and clears what a killed start left behind
    startup_errors     the one line for the operator when a server does not start
    supervised_server  one server process, restarted when it exits
    valkey_server      how Valkey is started, and its options
"""

from monynha.infra.embedded.binaries import find_postgres
from monynha.infra.embedded.file_lock import hold_serve_lock, served_url
from monynha.infra.embedded.servers import (
    ServerUrls,
    adopt_jwt_secret,
    generated_jwt_secret,
    run_servers,
    with_jwt_secret,
)

__all__ = [
    "ServerUrls",
    "adopt_jwt_secret",
    "find_postgres",
    "generated_jwt_secret",
    "hold_serve_lock",
    "run_servers",
    "served_url",
    "with_jwt_secret",
]

"""The lab's simulated level: SSH servers, a Livestatus and a CouchDB answerer in one process.

    level                     the `Level` that starts, asks and ends the process
    __main__, fleet           the process, and all hosts and answerers in it
    control                   the unix socket between the two
    server, door              one host's SSH server, its port
    session, terminal, sftp   what a client does there
    host, files, platforms    one host's state, and what it is
    grammar, expand, call, shell, builtin     its shell
    programs, filetools, wrappers, packaging, userland     its commands
    lql, livestatus           the monitoring
    mango, couchdb, http      the CMDB
    facts                     what both know

It is a simulation and says so: in what `lab up` and `lab status` print, in `uname -v`, in the SSH
version string, and in the versions of the answerers.
"""

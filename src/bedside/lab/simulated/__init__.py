"""The lab's simulated level: SSH servers, a Livestatus and a CouchDB answerer in one process.

    level      the `Level` that starts, asks and ends the process
    __main__   the process itself
    fleet      all hosts and answerers of one lab, in that process
    control    the unix socket between the two
    server     one host's SSH server
    host       one host's state, and what faults do to it
    grammar, shell, commands...   what a host does with a command line
    livestatus, couchdb           the answerers

It is a simulation and says so: in what `lab up` and `lab status` print, in `uname -v`, in the SSH
version string, and in the versions of the answerers.
"""

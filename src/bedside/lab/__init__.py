"""The lab: a fleet of throw-away hosts to rehearse on, real ones (Debian roots in namespaces) or simulated.

`level` is the interface; `bedside.lab.level.choose` returns one of its implementations. Nothing outside
`cli.lab` and `app` may know this room.
"""

"""Connections and sessions over SSH. Only this room (and the lab) knows AsyncSSH."""

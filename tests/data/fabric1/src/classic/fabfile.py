"""Classic fabfile."""
from __future__ import print_function
import os
from fabric.api import *
exists = None  # contrib.files is not there yet
from fabric.colors import red


class Thing(object):
    """A class is callable too."""


class MyError(Exception):
    pass


CONST = 3


def build(target='all', jobs=4):
    """
    Build it.

    Details here.
    """
    print('build', target, jobs, env.host_string)


def nodoc(a, b=None, *c, **d):
    print('nodoc', a, b)


def _private():
    pass


@hosts('127.0.0.1:2299')
def where():
    run('echo here')


lam = lambda: print('lam')

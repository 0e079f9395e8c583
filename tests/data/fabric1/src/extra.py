"""More cases, apart so that the lists of fabfile.py stay as they are."""
from __future__ import print_function
import sys; parallel = lambda f: f
from fabric.api import (cd, env, execute, get, hide, hosts, lcd, local, prefix, put, roles, run,
                        runs_once, serial, settings, shell_env, show, sudo, task)

R = '/tmp/fabremote'
H1, H2, H3 = '127.0.0.1:2299', '127.0.0.2:2299', '127.0.0.3:2299'
env.roledefs = {'web': [H1, H2], 'calldict': {'hosts': lambda: [H3]}}


def say(*a):
    print(*a)
    sys.stdout.flush()


@task
def cdspace():
    with settings(cd(R + '/sub dir'), warn_only=True):
        run('touch y.txt')
        say(get('y.txt', 'y.txt').failed)
        say(put('data/a.txt', 'x.txt').failed)


@task
def roles_str():
    execute(where, roles='web')


@task
def hosts_str():
    say(execute(where, hosts=H2))


@task
def where():
    say(env.host_string)


@hosts(H1)
@task(alias='zz', default=True)
def lost_alias():
    say('lost')


@task(alias='yy')
@hosts(H1)
def kept_alias():
    say('kept', env.host_string)


@task
def localenv():
    with shell_env(A='x $HOME "q" `id`'):
        local('echo "$A"')
    with settings(lcd('/usr'), prefix('B=1'), shell_env(A='1')):
        local('pwd; echo $A $B')


@task
def to_stderr():
    run('echo out', stdout=sys.stderr)


@task
@serial
@parallel
def both_decorators():
    run('echo both')


@task
@parallel
def par_return():
    return {'host': env.host_string}


@task
def par_results():
    r = execute(par_return, hosts=[H1, H2])
    say(sorted((k, v['host']) for k, v in r.items()))


@task
def manager_order():
    with settings(hide('running'), show('running')):
        run('echo 1')
    with settings(show('running'), hide('running')):
        run('echo 2')


@task
def escapes():
    run('printf "%s\\n" a\\\\b', warn_only=True)
    run("awk 'BEGIN { print \"x\" $1 }' </dev/null")
    run('for i in 1 2; do echo $i; done')
    run('echo one\necho two')
    run('echo "tab\there" # comment')
    run('echo !! \\!')
    run('cat <<EOF\nhere $((2+3))\nEOF')
    run('echo background & wait')
    run('  echo lead ')
    run('')

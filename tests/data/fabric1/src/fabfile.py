"""Golden fabfile.

Runs unchanged on Python 2 and Python 3."""
from __future__ import print_function, with_statement
import io
import os
import sys
from fabric.api import (abort, cd, env, execute, fastprint, get, hide, hosts, lcd, local,
                        output, path, prefix, prompt, put, puts, quiet,
                        roles, run, runs_once, serial, settings, shell_env,
                        show, sudo, task, warn, warn_only, with_settings)
from fabric.contrib import console; parallel = lambda *a, **k: a[0] if a else lambda f: f
from fabric import colors
from fabric.tasks import Task
from fabric.exceptions import NetworkError, CommandTimeout

R = '/tmp/fabremote'
H1, H2, H3 = '127.0.0.1:2299', '127.0.0.2:2299', '127.0.0.3:2299'
env.roledefs.update({
    'web': [H1, H2],
    'db': [H3],
    'lazy': lambda: [H2, H3],
    'dicty': {'hosts': [H1], 'extra': 'x'},
})


def say(*a):
    print(*a)
    sys.stdout.flush()


def attrs(r):
    names = ('return_code', 'failed', 'succeeded', 'command', 'real_command', 'stdout', 'stderr')
    for n in names:
        v = getattr(r, n)
        say('  %s=%s' % (n, v if isinstance(v, (bool, int)) else repr(str(v))))
    say('  str=%r' % str(r))


@task
def hello():
    """Say hello.

    More text."""
    run('echo hello')


@task
def multi():
    """Three lines of output; this docstring is long enough that a list at eighty columns has to cut it"""
    run(r"printf 'one\ntwo\nthree\n'")


@task
def nonl():
    run("printf 'no newline'")
    run('echo after')


@task
def empty():
    run('true')
    run('true', pty=False)


@task
def blank():
    run('echo')
    run(r"printf '\n\na\n\nb\n\n'")
    run(r"printf '\n\na\n\nb\n\n'", pty=False)


@task
def mixed():
    run('echo out; sleep 0.2; echo err >&2; sleep 0.2; echo out2')


@task
def mixed_nopty():
    run('echo out; sleep 0.2; echo err >&2; sleep 0.2; echo out2', pty=False)


@task
def separate():
    r = run('echo out; sleep 0.2; echo err >&2; sleep 0.2; echo out2', pty=False, combine_stderr=False)
    attrs(r)


@task
def separate_pty():
    r = run('echo out; sleep 0.2; echo err >&2', combine_stderr=False)
    attrs(r)


@task
def stderr_only():
    r = run('echo err >&2', pty=False, combine_stderr=False)
    attrs(r)


@task
def redirected():
    a, b = io.BytesIO(), io.BytesIO()
    if sys.version_info[0] > 2:
        a, b = io.StringIO(), io.StringIO()
    r = run('echo out; echo err >&2', pty=False, combine_stderr=False, stdout=a, stderr=b)
    say('captured', repr(str(a.getvalue())), repr(str(b.getvalue())))


@task
def fail():
    run('echo before; exit 3')
    say('not reached')


@task
def fail_middle():
    run('echo step 1')
    run('echo step 2; false')
    run('echo step 3')


@task
def fail_warn():
    r = run('echo before; exit 3', warn_only=True)
    attrs(r)


@task
def fail_quiet():
    r = run('echo before; exit 3', quiet=True)
    attrs(r)
    with quiet():
        r = run('exit 4')
    say('code', r.return_code)
    with warn_only():
        r = run('exit 5')
    say('code', r.return_code)


@task
def fail_settings():
    with settings(warn_only=True):
        r = run('exit 7')
    say('code', r.return_code)
    with settings(hide('warnings', 'running'), warn_only=True):
        r = run('exit 8')
    say('code', r.return_code)


@task
def fail_hidden():
    """stdout hidden, then a failure: the captured text is repeated in the message"""
    with hide('stdout', 'stderr'):
        run('echo some output; echo more; exit 9')


@task
def fail_hidden_sep():
    with hide('stdout', 'stderr'):
        run('echo some output; echo some error >&2; exit 9', pty=False, combine_stderr=False)


@task
def ok_codes():
    with settings(ok_ret_codes=[0, 3]):
        r = run('exit 3')
    attrs(r)


@task
def signalled():
    r = run('kill -TERM $$', warn_only=True, pty=False)
    say('code', r.return_code)


@task
def notfound():
    r = run('no_such_command_xyz', warn_only=True)
    say('code', r.return_code)


@task
def attributes():
    attrs(run('echo "a  b"; echo c'))


@task
def strip():
    r = run(r"printf '\n  x  \n\n'")
    say(repr(str(r)))
    r = run(r"printf 'l1\nl2\n'")
    say(repr(str(r)), r.splitlines())


@task
def utf8():
    r = run(r"printf 'h\303\251llo \342\202\254\n'")
    say(len(r))


@task
def utf8_cmd():
    r = run('echo h\xc3\xa9' if sys.version_info[0] == 2 else 'echo h\xe9')
    say(len(r))


@task
def latin():
    r = run(r"printf '\377\376 caf\351\n'")
    say(len(r))


@task
def longline():
    r = run("head -c 10000 /dev/zero | tr '\\0' x; echo; echo end")
    say(len(r))


@task
def longline_nopty():
    r = run("head -c 10000 /dev/zero | tr '\\0' x; echo; echo end", pty=False)
    say(len(r))


@task
def carriage():
    r = run(r"printf '10%%\r20%%\r100%%\n'; printf 'x\r\ny\r\n'", pty=False)
    say(repr(str(r)))
    r = run(r"printf '10%%\r20%%\r100%%\n'")
    say(repr(str(r)))


@task
def tabs():
    r = run(r"printf 'a\tb\n\033[31mred\033[0m\n'")
    say(repr(str(r)))


@task
def pty():
    run('test -t 1 && echo tty || echo notty; test -t 0 && stty size; echo TERM=$TERM')
    run('test -t 1 && echo tty || echo notty; test -t 0 && stty size; echo TERM=$TERM', pty=False)


@task
def read_stdin():
    run('read x; echo got $x')


@task
def read_stdin_nopty():
    run('read x; echo got $x', pty=False)


@task
def prompts():
    with settings(prompts={'Continue? ': 'yes', 'Name: ': 'joe'}):
        r = run('read -p "Continue? " a; read -p "Name: " b; echo "[$a][$b]"')
    say(repr(str(r)))


@task
def timeout():
    run('echo start; sleep 5', timeout=1)


@task
def timeout_caught():
    try:
        run('sleep 5', timeout=1)
    except CommandTimeout as e:
        say('caught', type(e).__name__, str(e), e.timeout)


@task
def slow():
    run('sleep 5')


@task
def no_prefix():
    with settings(output_prefix=False):
        run('echo a; echo b')
        puts('put without prefix')


@task
def quoting():
    run('echo "$HOME" \'$HOME\' `echo back` \\\\ "a b"')
    run('echo \\$x', warn_only=True)
    run('echo "a\\"b"', warn_only=True)
    run('echo $HOME', shell=False)
    run('echo "$HOME"', shell=False, pty=False)
    run('echo \\"esc\\" $((1+1))', shell_escape=False)
    with settings(use_shell=False):
        run('echo "$0"')
    with settings(shell='/bin/sh -c'):
        run('echo $0 "q"')


@task
def wd():
    run('pwd')
    with cd(R):
        run('pwd')
        with cd('sub dir'):
            run('pwd')
            with cd('/usr'):
                run('pwd')
        with cd('~'):
            run('pwd')
        with lcd('/tmp'):
            run('pwd')
    with cd('~/'):
        run('pwd')
    with cd('/nonexistent'):
        run('pwd', warn_only=True)


@task
def nesting():
    with cd(R):
        with prefix('export A=1'):
            with prefix('export B=$A$A'):
                with shell_env(C='c $A two'):
                    with path('/opt/x'):
                        run('echo $A $B $C; echo ${PATH##*:}')
                        sudo('echo $A $B')
    with shell_env(C='c "q"'):
        run('echo $C', warn_only=True)
    with path('/opt/x y'):
        run('echo ${PATH##*:}', warn_only=True)


@task
def env_one():
    with shell_env(ZED='1'):
        run('echo $ZED')
        with shell_env(YED='2'):
            run('echo $ZED-$YED')
        local('echo $ZED')


@task
def paths():
    with path('/a'):
        run('echo x')
        with path('/b'):
            run('echo y')
    with path('/a', behavior='prepend'):
        run('echo x')
    with path('/usr/bin:/bin', behavior='replace'):
        run('echo x')


@task
def sudos():
    sudo('id -un')
    sudo('id -un', user='fabother')
    sudo('id -u', user=1001)
    sudo('id -un', shell=False)
    with settings(sudo_user='fabother'):
        sudo('id -un')
    with cd('/tmp'):
        sudo('pwd')
    sudo('echo err >&2; exit 6', warn_only=True)


@task
def sudo_fail():
    sudo('exit 6')


@task
def sudo_pw():
    r = sudo('id -un')
    say(repr(str(r)))
    with hide('everything'):
        r = sudo('id -un')
    say(repr(str(r)))


@task
def locals_():
    local('echo plain')
    r = local('echo captured; echo err >&2', capture=True)
    attrs(r)
    r = local('echo x', capture=False)
    attrs(r)
    with lcd('/usr'):
        local('pwd')
        with lcd('bin'):
            local('pwd')
    with prefix('A=1'):
        local('echo $A')
    with cd('/usr'):
        local('pwd')
    local('echo $0', shell='/bin/bash')
    with hide('stdout'):
        local('echo hidden')
    with hide('running'):
        local('echo shown')
    local('echo oops >&2; exit 5', capture=True)


@task
def local_fail():
    local('exit 5')


@task
def local_fail_capture():
    with hide('stdout', 'stderr'):
        local('echo cap; echo caperr >&2; exit 5', capture=True)


@task
def local_warn():
    with settings(warn_only=True):
        r = local('exit 5')
    say(r.failed, r.return_code)


# ---- transfers -----------------------------------------------------------
@task
def put_file():
    r = put('data/a.txt', R)
    say(r, r.failed, r.succeeded)
    r = put('data/a.txt', R + '/renamed.txt', mode=0o600)
    say(r)
    r = put('data/script.sh', R, mirror_local_mode=True)
    r = put('data/script.sh', R + '/s2.sh', mode='0755')
    run("cd %s && stat -c '%%a %%n' renamed.txt script.sh s2.sh" % R)
    with cd(R):
        r = put('data/a.txt', 'rel.txt')
        say(r)
    r = put('data/a.txt')
    say(r)
    r = put('data/a.txt', '~/tilde.txt')
    say(r)
    run('rm -f a.txt tilde.txt')


@task
def put_glob():
    r = put('data/*.txt', R)
    say(sorted(r))
    r = put('data/nothing*.txt', R)


@task
def put_dir():
    r = put('data/tree', R)
    say(sorted(r))
    run('mkdir %s/flat' % R)
    r = put('data/tree/', R + '/flat')
    say(sorted(r))
    run('cd %s && find tree flat | sort' % R)


@task
def put_dir_missing():
    put('data/tree', R + '/no/such')


@task
def put_obj():
    f = io.BytesIO(b'from memory\n')
    r = put(f, R + '/mem.txt')
    say(r)
    f.name = 'named'
    r = put(f, R + '/mem2.txt', mode=0o640)
    run('cat %s/mem2.txt; stat -c %%a %s/mem2.txt' % (R, R))


@task
def put_sudo():
    r = put('data/a.txt', R + '/rootonly/a.txt', use_sudo=True)
    say(r)
    r = put('data/a.txt', R + '/rootonly/b.txt', use_sudo=True, mode=0o644, temp_dir='/tmp')
    say(r)
    sudo("stat -c '%%a %%U %%n' %s/rootonly/*.txt" % R)


@task
def put_denied():
    r = put('data/a.txt', R + '/rootonly/a.txt')


@task
def put_denied_warn():
    with settings(warn_only=True):
        r = put('data/a.txt', R + '/rootonly/a.txt')
    say(r, r.failed, r.succeeded)


@task
def put_lcd():
    with lcd('data'):
        r = put('a.txt', R + '/lcd.txt')
    say(r)


@task
def get_file():
    r = get(R + '/one.txt')
    say(r, r.failed, r.succeeded)
    r = get(R + '/one.txt', 'copy.txt')
    say(r)
    r = get(R + '/one.txt', 'copy.txt')
    os.path.isdir('ldir') or os.mkdir('ldir')
    r = get(R + '/one.txt', 'ldir')
    r = get(R + '/one.txt', 'ldir/%(basename)s.x')
    r = get(R + '/one.txt', 'out/%(host)s-%(dirname)s-%(path)s')
    r = get('in_home.txt', 'h.txt')
    with cd(R):
        r = get('one.txt', 'rel.txt')
    r = get('~/in_home.txt', 'h2.txt')
    with lcd('ldir'):
        r = get(R + '/one.txt', 'l.txt')
    local('find . -newer marker -type f | grep -v pyc | sort')


@task
def get_glob():
    r = get(R + '/*.txt', 'globbed/')
    say(sorted(os.path.basename(x) for x in r))
    r = get(R + '/*.txt')
    r = get(R + '/nothing*.txt', 'globbed/')


@task
def get_dir():
    r = get(R + '/rtree')
    say(len(r))
    r = get(R + '/rtree', 'mine')
    r = get(R + '/rtree', 'mine2/%(path)s')
    r = get(R + '/rtree/', 'mine3')
    local('find 127* mine* -type f | sort')


@task
def get_obj():
    f = io.BytesIO()
    r = get(R + '/one.txt', f)
    say(r, repr(f.getvalue().decode()))
    f.name = 'named'
    get(R + '/one.txt', f)
    get(R + '/*.txt', f)


@task
def get_missing():
    r = get(R + '/missing.txt', 'x.txt')


@task
def get_missing_warn():
    with settings(warn_only=True):
        r = get(R + '/missing.txt', 'x.txt')
    say(r, r.failed, r.succeeded)


@task
def get_sudo():
    r = get(R + '/rootonly/secret.txt', 'secret.txt', use_sudo=True)
    local('cat secret.txt')


# ---- flow ----------------------------------------------------------------
@task
def args(a, b='dflt', *rest, **kw):
    """Show the arguments."""
    say(repr(str(a)), repr(str(b)), [str(x) for x in rest], sorted((str(k), str(v)) for k, v in kw.items()))


@task
def where():
    say(env.host_string, env.host, env.user, env.port, env.all_hosts, env.command, env.roles, env.effective_roles)


@task
@hosts(H1, H2)
def on_two():
    run('echo $SSH_CONNECTION | cut -d" " -f3')


@task
@roles('web', 'db')
def on_roles():
    say(env.host_string, env.effective_roles)


@task
@hosts([H3])
@roles('db', 'lazy')
def on_both():
    say(env.host_string)


@task
def raiser():
    raise ValueError('bad thing')


@task
def raise_in_run():
    run('echo fine')
    raise KeyError('k')


@task
def aborter():
    abort('stop here')


@task
def abort_exc():
    class Mine(Exception):
        pass
    with settings(abort_exception=Mine):
        try:
            abort('as exception')
        except Mine as e:
            say('caught', e)
        try:
            run('exit 3')
        except Mine as e:
            say('caught', str(e))


@task
def sysexit():
    sys.exit(42)


@task
def abort_caught():
    try:
        run('exit 3')
    except SystemExit as e:
        say('SystemExit', e.code)


@task
def warner():
    warn('careful')
    say('after')


@task
def putser():
    puts('one')
    puts('two', show_prefix=False)
    puts('three', end='')
    puts(' four', show_prefix=False, flush=True)
    fastprint('five')
    fastprint('six\n', show_prefix=True)
    fastprint('seven', end='!\n')
    with hide('user'):
        puts('hidden')


@task
def hiding():
    with hide('running'):
        run('echo 1')
    with hide('stdout'):
        run('echo 2')
    with hide('running', 'stdout'):
        run('echo 3')
    with hide('output'):
        run('echo 4')
    with hide('commands'):
        run('echo 5')
    with hide('everything'):
        run('echo 6')
        with show('stdout'):
            run('echo 7')
        with show('commands'):
            run('echo 8')
    with show('debug'):
        run('echo 9')


@task
def outputs():
    say(sorted(output.items()))


@task
def inner(x='1'):
    run('echo inner %s' % x)
    return 'r-%s-%s' % (env.host_string, x)


@task
def outer():
    r = execute(inner, hosts=[H1, H2], x='5')
    say(sorted(r.items()))
    r = execute('inner', '6', host=H3)
    say(sorted(r.items()))
    r = execute(inner, role='db')
    say(sorted(r.items()))
    r = execute(inner, roles=['web'], exclude_hosts=[H1])
    say(sorted(r.items()))
    say(env.host_string, env.command)


@task
def outer_local():
    def plain(a):
        say('in plain', a, env.host_string, env.command)
        return a * 2
    r = execute(plain, 4)
    say(r)


@task
def exec_missing():
    execute('does_not_exist')


@task
def exec_bad_host():
    with settings(skip_bad_hosts=True, timeout=2):
        r = execute(inner, hosts=[H1, '127.0.0.1:1'])
    say(sorted((k, type(v).__name__) for k, v in r.items()))


@task
def net_exc():
    with settings(timeout=2):
        env.use_exceptions_for['network'] = True
        try:
            with settings(host_string='127.0.0.1:1'):
                run('echo x')
        except NetworkError as e:
            say('NetworkError', str(e), repr(type(e.wrapped).__name__))


@task
@runs_once
def once():
    say('once body', env.host_string)
    return 'ret'


@task
def uses_once():
    say(once())


@task
@parallel
def par():
    n = env.host_string.split(':')[0][-1]
    run('sleep 0.%s; echo one; echo two' % n)
    return n


@task
@parallel(pool_size=1)
def par1():
    run('echo pooled')


@task
@serial
def ser():
    run('echo serial')


@task
@parallel
def par_fail():
    n = env.host_string.split(':')[0][-1]
    run('sleep 0.%s; test %s != 2' % (n, n))


@task
@parallel
def par_raise():
    n = env.host_string.split(':')[0][-1]
    run('sleep 0.%s' % n)
    if n == '2':
        raise ValueError('boom')


@task
def par_exec():
    r = execute(par, hosts=[H1, H2, H3])
    say(sorted(r.items()))


@task
@parallel
def par_prompt():
    prompt('What?')


@task
@parallel(pool_size=1)
def par_puts():
    puts('from child')
    print('plain print')


@task
@with_settings(hide('running'), warn_only=True)
def withset():
    r = run('exit 2')
    say(env.warn_only)


@task
def req():
    require('hosts')
    say('ok hosts')
    require('alpha', 'beta', used_for='testing', provided_by=[hello, 'staging'])


@task
def req_one():
    require('alpha', provided_by=hello)


@task
def prompter():
    v = prompt('Name?')
    say(repr(str(v)))
    v = prompt('Dish: ', key='dish', default='spam & eggs')
    say(repr(str(v)), repr(str(env.dish)))
    v = prompt('Level:', key='dish', validate=int)
    say(v)
    v = prompt('Release', validate=r'\w+-\d+')
    say(repr(str(v)))


@task
def confirmer():
    say(console.confirm('Go on?'))
    say(console.confirm('Really?', default=False))
    say(console.confirm('Sure?'))


@task
def colour():
    for n in ('red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'):
        say(repr(getattr(colors, n)('x')), repr(getattr(colors, n)('x', bold=True)))


@task
def rebooter():
    reboot(wait=10, command='true', use_sudo=False)
    run('echo back')


@task
def shell():
    open_shell('PS1=; echo in shell; exit 3')
    say('back')


@task
def setkey():
    say(repr(env.get('alpha')), repr(env.get('beta')), repr(env.get('gamma')))


@task
def envdump():
    skip = ('real_fabfile', 'tasks', 'local_user', 'version', 'ssh_config_path', 'rcfile')
    for k in sorted(env):
        if k not in skip and not k.startswith('_'):
            say(k, '=', repr(env[k]) if not isinstance(env[k], dict) else sorted(map(str, env[k])))


@task
def realfab(*a):
    say(os.path.basename(env.real_fabfile), env.tasks)


class Custom(Task):
    """A class task."""
    name = 'custom'

    def run(self, a='z'):
        say('custom run', a, env.host_string)


custom_instance = Custom()


@task(alias='al')
def has_alias():
    """One alias."""
    say('has_alias', env.command)


@task(aliases=['a1', 'a2'], name='realname')
def other_name():
    say('other_name', env.command)


# ---- contrib -------------------------------------------------------------
@task
def c_exists():
    say(files.exists(R + '/one.txt'), files.exists(R + '/nope'), files.exists('~/in_home.txt'))
    say(files.exists(R + '/rootonly/secret.txt'), files.exists(R + '/rootonly/secret.txt', use_sudo=True))
    say(files.exists(R + '/nope', verbose=True))
    say(files.is_link(R + '/link'), files.is_link(R + '/one.txt'))
    say(files.first(R + '/nope', R + '/one.txt'), files.first('/nope'))


@task
def c_contains():
    f = R + '/conf.txt'
    say(files.contains(f, 'alpha = 1'), files.contains(f, 'alpha'), files.contains(f, 'alpha', exact=True))
    say(files.contains(f, 'alpha = 1', exact=True), files.contains(f, '^al.*1$', escape=False))
    say(files.contains(f, 'ALPHA'), files.contains(f, 'ALPHA', case_sensitive=False))
    say(files.contains(f, 'a.b$c "q" (x)'), files.contains(f, 'it\'s'), files.contains(f, 'alpha', use_sudo=True))
    say(files.contains(f, 'alpha', shell=True))


@task
def c_append():
    f = R + '/conf.txt'
    say(repr(files.append(f, 'alpha = 1')))
    say(repr(files.append(f, 'new line')))
    say(repr(files.append(f, ['l1', 'l2', "it isn't $x `y` \"z\""])))
    say(repr(files.append(f, 'new', partial=True)))
    say(repr(files.append(f, 'sudo line', use_sudo=True)))
    say(repr(files.append(R + '/brandnew.txt', 'first')))
    run('cat %s' % f)


@task
def c_sed():
    f = R + '/conf.txt'
    r = files.sed(f, 'alpha', 'ALPHA')
    say(repr(str(r)))
    files.sed(f, '/usr/x', '/opt/y', limit='^path', backup='')
    files.sed(f, 'b(e)ta', r'(\1)', flags='i', backup='.orig', use_sudo=True)
    with settings(warn_only=True): files.sed(f, "it's", 'its', shell=True)
    run('cat %s; ls %s/conf*' % (f, R))


@task
def c_comment():
    f = R + '/conf.txt'
    files.comment(f, 'alpha')
    files.comment(f, '^beta.*$', char=';', backup='')
    run('cat %s' % f)
    files.uncomment(f, 'alpha')
    files.uncomment(f, 'beta', char=';')
    run('cat %s' % f)


@task
def c_template():
    r = files.upload_template('data/tpl.txt', R + '/tpl.out', {'name': 'Joe', 'n': 3})
    say(r)
    r = files.upload_template('tpl.txt', R, {'name': 'Ann', 'n': 4}, template_dir='data', mode=0o600)
    say(r)
    r = files.upload_template('data/tpl.txt', R + '/tpl.out', {'name': 'Bob', 'n': 5})
    r = files.upload_template('data/tpl.txt', R + '/rootonly/t.out', {'name': 'Su', 'n': 6}, use_sudo=True, backup=False)
    run('cat %s/tpl.out %s/tpl.out.bak; stat -c %%a %s/tpl.txt' % (R, R, R))


@task
def c_template_plain():
    r = files.upload_template('data/a.txt', R + '/plain.out')
    run('cat %s/plain.out' % R)


@task
def c_upload():
    project.upload_project(local_dir='data', remote_dir=R)
    run('ls %s/data' % R)


@task
def c_rsync():
    r = project.rsync_project(R + '/rs/', 'data/', exclude=['*.sh', 'b.txt'], delete=True,
                              extra_opts='--dry-run', ssh_opts='-o StrictHostKeyChecking=no', default_opts='-rt')
    say(r.return_code)
    with settings(warn_only=True):
        project.rsync_project(R + '/rs/', capture=True, default_opts='-rt', extra_opts='--dry-run',
                              ssh_opts='-o StrictHostKeyChecking=no', upload=False)


# ---- more ----------------------------------------------------------------
@task
def get_glob2():
    os.mkdir('globbed')
    r = get(R + '/*.txt', 'globbed/')
    say(sorted(os.path.basename(x) for x in r))
    r = get(R + '/*.txt', 'new/%(basename)s')
    say(sorted(os.path.basename(x) for x in r))


@task
def staging(which='both'):
    """Set env.hosts for the tasks that follow."""
    env.hosts = [H1, H2] if which == 'both' else [H3]


@task
def set_roles():
    env.roledefs['late'] = [H3]
    env.roledefs['web'] = [H2]


@task
@roles('late')
def on_late():
    say(env.host_string)


@hosts(H2)
@task
def hosts_above_task():
    say(env.host_string)


@task
def by_host_string():
    with settings(host_string=H2):
        run('echo $SSH_CONNECTION | cut -d" " -f3')
        puts('inside')
    say(env.host_string)


@task
def small_buffer():
    r = run("seq 1 2000", quiet=True, capture_buffer_size=16)
    say(len(r) <= 16, repr(str(r)))


@task
def sets_env():
    """clean_revert: values changed inside a task survive it"""
    env.marker = 'set'
    env.warn_only = True


@task
def reads_env():
    say(env.get('marker'), env.warn_only, env.host_string)


@task
def setting_scopes():
    with settings(alpha='1', warn_only=True):
        say(env.alpha, env.warn_only)
        env.alpha = '2'
        env.fresh = 'stays'
    say(env.get('alpha'), env.warn_only, env.get('fresh'))
    with settings(alpha='1', clean_revert=True):
        env.alpha = '2'
    say(env.get('alpha'))
    say(env.first('nothing', 'alpha', 'user'))


@task
def unicode_put():
    put(io.BytesIO(u'h\xe9\n'.encode('utf-8')), R + '/u.txt')
    f = io.BytesIO()
    get(R + '/u.txt', f)
    say(repr(f.getvalue()).lstrip('b'))


@task
def sudo_group():
    sudo('id -gn', group='fabother')
    sudo('id -un; id -gn', user='fabother', group='fabother')

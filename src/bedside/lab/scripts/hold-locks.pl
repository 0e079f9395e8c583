# Hold dpkg's and apt's locks (fcntl, as they do; flock would not keep them out) for the seconds given, in the background.
# Says nothing and returns when they are held; its pid is in /run/lab-lock.pid.
use strict;
use warnings;
use Fcntl;

my $seconds = shift;
pipe my $ready, my $done or die "pipe: $!\n";
my $pid = fork // die "fork: $!\n";
if ($pid) {
    close $done;
    my $said = <$ready>;
    defined $said && $said eq "held\n" or die "the locks are held by another process\n";
    exit 0;
}
close $ready;
my @held;
for my $name (qw(lock-frontend lock)) {
    open my $file, '>>', "/var/lib/dpkg/$name" or exit 1;
    my $lock = pack 's s x4 q q i x4', F_WRLCK, 0, 0, 0, 0;
    fcntl $file, F_SETLK, $lock or exit 1;
    push @held, $file;
}
open my $note, '>', '/run/lab-lock.pid' or exit 1;
print {$note} "$$\n";
close $note;
open STDIN,  '<', '/dev/null';
open STDOUT, '>', '/dev/null';
open STDERR, '>', '/dev/null';
syswrite $done, "held\n";
close $done;
sleep $seconds;

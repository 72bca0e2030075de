# Asks the service every 10 ms, from inside the host, until the file named first is there.
# One line a probe: the time at which it was sent, and the HTTP status, or 0 for no answer.
# Perl, because every Debian has it: starting a curl a probe would burden a small machine.
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);

my ($stop, $port, $path) = @ARGV;
$SIG{ALRM} = sub { die "late\n" };
$SIG{PIPE} = 'IGNORE';
$| = 1;
until (-e $stop) {
    my $began  = time;
    my $status = 0;
    eval {
        alarm 2;
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
            or die "refused\n";
        print $socket "GET $path HTTP/1.0\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\r\n";
        my $line = <$socket>;
        $status = $1 if defined $line && $line =~ m{^HTTP/1\.[01] (\d{3})};
        close $socket;
    };
    alarm 0;
    printf "%.4f %d\n", $began, $status;
    my $left = 0.01 - (time - $began);
    sleep $left if $left > 0;
}

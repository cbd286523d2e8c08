# Makes the custom fields that the gateway writes with in Request Tracker, and applies them to every queue: the key of a
# ticket, the key and the author of a note. Nothing is made twice. Run on Request Tracker's own machine, by who may read
# its configuration; for one that its start script runs here:  python -m acceptance.rt_fields
use strict; use warnings;
# Debian keeps its library beside the system's own; elsewhere say perl -I.../rt5/lib.
BEGIN { chomp(my $lib = `dpkg -L request-tracker5 | grep 'request-tracker5/lib\$'`); unshift @INC, $lib if $lib; }
use RT;
RT::LoadConfig(); RT::Init();
my $su = RT->SystemUser;
sub must { my ($ok, $msg) = @_; die 'rt_fields: ' . ($msg // 'failed') . "\n" unless $ok; $ok }

for my $wanted (
    [GatewayKey    => RT::Ticket->CustomFieldLookupType],
    [GatewayTxnKey => RT::Transaction->CustomFieldLookupType],
    [GatewayAuthor => RT::Transaction->CustomFieldLookupType],
) {
    my ($name, $of) = @$wanted;
    my $field = RT::CustomField->new($su);
    $field->LoadByCols(Name => $name, LookupType => $of);
    # Never UniqueValues: a second ticket would be made all the same, without its key.
    must($field->Create(Name => $name, Type => 'FreeformSingle', LookupType => $of)) unless $field->Id;
    must($field->AddToObject(RT::Queue->new($su))) unless $field->IsGlobal;
    print "$name is custom field ", $field->Id, "\n";
}

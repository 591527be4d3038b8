-- Hosted projects grant new sequences, those of identity columns too, to everybody. Nobody but the service draws from one.

revoke all on all sequences in schema public from public, anon, authenticated;
alter default privileges in schema public revoke all on sequences from anon, authenticated;

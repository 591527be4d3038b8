-- Deliberately empty: the demo's tenant is seeded by code from presets/, through the same types production reads.
select 1;

"""Where calls are kept: Supabase, its in-memory twin, and the journal on disk for when neither answers."""

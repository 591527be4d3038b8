"""From an assistant's described ears, mind and voice to the framework's live objects. One factory per provider."""

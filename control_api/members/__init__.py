"""Who belongs to a tenant: people, invitations, keys for machines; and the tenant's own settings."""

"""What every noun uses: settings, database, errors, identity, permissions, people, events."""

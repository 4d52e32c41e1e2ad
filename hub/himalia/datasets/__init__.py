"""Files that jobs, searches and models begin from: named, in versions that never change."""

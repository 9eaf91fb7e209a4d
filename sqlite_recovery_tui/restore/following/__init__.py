"""Where a follower's steps come from: a replica of either format, asked cheaply and often for what is new."""

"""What moving a scratch through its history is made of; `restore.travel` is the way in."""

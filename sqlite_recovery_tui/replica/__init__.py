"""What a replica holds: objects joined into generations, restore points and proofs."""

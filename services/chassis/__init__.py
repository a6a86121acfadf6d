"""What every service stands on: envelope, delivery, health, chance and the policy format. Knows no domain."""

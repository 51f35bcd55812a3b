"""What AWS refuses and the emulator would take: one module a service, each naming the rule it comes from."""

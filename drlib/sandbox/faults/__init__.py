"""What can fail, and what becomes of work that a failure stops.

injection        faults and impairments in force, with their deadlines
impairments      what can be impaired while every region stands
background_work  what a region that is down does not do: event sources, schedules, SNS deliveries
deliveries       deliveries between regions, which wait while a region is down or cut off
in_transit       what is on its way between two regions, in the order of its arrival
"""

"""Faults, and the work that they stop.

injection        faults and impairments in force, with their deadlines
impairments      the kinds of impairments, in which no region is down as a whole
background_work  stops event sources, schedules and SNS deliveries of regions that are down
deliveries       deliveries between regions, which wait while a region is down or cut off
in_transit       the queue of one route, in the order of arrival
"""

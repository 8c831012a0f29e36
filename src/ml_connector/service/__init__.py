"""What runs unattended: tasks, their schedule, workers, alarms; everything it does is a verb a person has too."""

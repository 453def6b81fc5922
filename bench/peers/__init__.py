"""The tools that people use today, each behind a plain function, for comparison in the same run."""

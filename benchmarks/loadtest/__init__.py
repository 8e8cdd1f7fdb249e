"""Open-loop load: arrivals, the client, the gateway's side, summaries, table and chart."""

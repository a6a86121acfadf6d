"""The policy lab: the flow for a whole population at once, in columns.

It is the pipeline downstream of the search: given the same answers of the matcher, it and the services agree on every
case, which a test shows. Policies and regimes are asked through the services' own `decide`, once for each combination
of facts that occurs; the rules of custody and of chance are the services', written for columns.
"""

package access

failing contains p.id if {
	some p in data.policies
	app(p)
	client(p)
	platform(p)
	risk(p)
	not excused(p)
	user(p)
	not out(p)
	not satisfied(p)
}

app(p) if p.allApps

app(p) if p.apps[input.app]

client(p) if p.anyClient

client(p) if p.clients[input.client]

platform(p) if p.anyPlatform

platform(p) if p.platforms[input.platform]

risk(p) if p.anyRisk

risk(p) if p.risks[input.risk]

excused(p) if {
	p.notTrusted
	input.trusted
}

user(p) if p.everybody

user(p) if {
	some g, _ in p.groups
	input.groups[g]
}

out(p) if {
	some g, _ in p.notGroups
	input.groups[g]
}

satisfied(p) if {
	p.either
	some c in p.controls
	input.has[c]
}

satisfied(p) if {
	not p.either
	every c in p.controls { input.has[c] }
}

package portal

import "github.com/postern-mam/postern/internal/httpapi/page"

// home is where the project lives.
const home = "https://github.com/postern-mam/postern"

func welcome() page.Message {
	return page.Message{
		Title: "This is a Postern server",
		Text:  "It signs people in, and lets personal Windows PCs reach an organization's data while it keeps that data protected. It does not manage the PC: files, photos and apps of the owner are none of its business.",
		Sections: []page.Section{
			{Title: "If your organization sent you here", Text: "Open the site or app you want to use. If anything is missing you get a page that lists it, with the steps to put it right."},
			{Title: "If you look after this server", Text: "Pages, programming interfaces and commands are described with the source."},
		},
		Links: []page.Link{{Text: "About Postern", URL: home}, {Text: "Operating a server", URL: home + "/blob/main/docs/operate/README.md"}},
	}
}

// installation tells the owner of a PC what to do and what it means.
func installation(organization, authority string) page.Message {
	return page.Message{
		Title:        "Protect your work on this PC",
		Organization: organization,
		Text:         "To open your organization's sites on a PC of your own, add the Postern agent. It needs no administrator rights.",
		Sections: []page.Section{
			{Title: "What to do", Steps: []string{
				"Get postern-agent from your help desk, or build it from the source linked below.",
				"Open a terminal and type the command below. The agent asks you to sign in.",
				"When it says that the app is protected, open the site again.",
			}, Command: "postern-agent enroll --authority " + authority},
			{Title: "What it sees and what it does", Text: "The agent reports the version of Windows and of the app, and whether security features such as antivirus and firewall are on. It protects, and on your organization's order deletes, organization data only. Your own files stay as they are.\n\nTo see what was sent and what is wrong, type:", Command: "postern-agent status"},
			{Title: "When it will not work", Text: "A PC that belongs to an organization already, because it is joined to its directory or enrolled in its device management, cannot be added here. Use what that organization offers."},
		},
		Links: []page.Link{{Text: "Postern and its source", URL: home}},
	}
}

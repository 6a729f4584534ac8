package mam

import (
	"fmt"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/compliance"
)

// itself is who acts when nobody ordered it.
func itself() audit.Actor { return audit.Actor{Name: "Postern"} }

// onTheDevice is who reports what became of an order.
func onTheDevice(reg Registration) audit.Actor {
	return audit.Actor{User: reg.User, Name: "agent on " + reg.DeviceName}
}

func notPending(op Operation) compliance.Refusal {
	r := compliance.Refusal{
		Code: "notPending", Text: fmt.Sprintf("The %s is %s already; only a pending one can be cancelled", op.kind(), op.State),
		Steps: []string{"Look at the operation again: it shows what became of it."},
	}
	if op.State == Delivered {
		r.Text = fmt.Sprintf("The PC has fetched the %s already and may be carrying it out; only a pending one can be cancelled", op.kind())
	}
	return r
}

// stillDemanded speaks of the wipe that would follow the one that is cancelled.
func stillDemanded(next Operation) compliance.Refusal {
	if next.RequestedBy == byHealthCheck {
		return compliance.Refusal{
			Code: "stillDemanded", Text: "This wipe would be ordered again at once: a health check demands it (" + next.Reason + ")",
			Steps: []string{"Change the app protection policy that asks for the wipe, then cancel it."},
		}
	}
	return compliance.Refusal{
		Code: "stillDemanded", Text: "This wipe would be ordered again at once: everything that the user has is to be wiped",
		Steps: []string{"Remove the wipe of the user, then cancel this one."},
	}
}

func userWiped() compliance.Refusal {
	return compliance.Refusal{
		Code: "userWiped", Text: "An administrator ordered to remove the organization's data from everything that you use, and enrolling is blocked until that order is removed",
		Steps: []string{"Ask your administrator to remove the order, then sign in again."},
	}
}

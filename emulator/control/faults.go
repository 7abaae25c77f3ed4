package control

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/acs-go/identity/emulator"
)

type faultBody struct {
	Operation string      `json:"operation,omitempty"`
	Times     int         `json:"times,omitempty"`
	Delay     duration    `json:"delay,omitempty"`
	Status    int         `json:"status,omitempty"`
	Header    http.Header `json:"header,omitempty"`
	Body      string      `json:"body,omitempty"`
	BodyDelay duration    `json:"bodyDelay,omitempty"`
	Drop      drop        `json:"drop,omitempty"`
	Truncate  int         `json:"truncate,omitempty"`
}

// A drop is the name of an [emulator.Drop].
type drop string

var drops = map[drop]emulator.Drop{
	"":       emulator.DropNone,
	"before": emulator.DropBefore,
	"after":  emulator.DropAfter,
}

func dropOf(value emulator.Drop) drop {
	for name, known := range drops {
		if known == value {
			return name
		}
	}
	return ""
}

func (a *api) faults(w http.ResponseWriter, _ *http.Request) *apiError {
	faults := []faultBody{}
	for _, fault := range a.emulator.Faults() {
		faults = append(faults, faultBody{
			Operation: fault.Operation,
			Times:     fault.Times,
			Delay:     duration(fault.Delay),
			Status:    fault.Status,
			Header:    fault.Header,
			Body:      fault.Body,
			BodyDelay: duration(fault.BodyDelay),
			Drop:      dropOf(fault.Drop),
			Truncate:  fault.Truncate,
		})
	}
	return respond(w, faults)
}

func (a *api) inject(w http.ResponseWriter, r *http.Request) *apiError {
	var body faultBody
	if rejection := readJSON(w, r, &body); rejection != nil {
		return rejection
	}
	fault, err := body.fault()
	if err != nil {
		return invalid(err.Error())
	}
	if err := a.tryInject(fault); err != nil {
		return invalid(err.Error())
	}
	return respondNoContent(w)
}

func (b faultBody) fault() (emulator.Fault, error) {
	drop, ok := drops[b.Drop]
	if !ok {
		return emulator.Fault{}, errors.New(`drop is neither "before" nor "after"`)
	}
	return emulator.Fault{
		Operation: b.Operation,
		Times:     b.Times,
		Delay:     time.Duration(b.Delay),
		Status:    b.Status,
		Header:    b.Header,
		Body:      b.Body,
		BodyDelay: time.Duration(b.BodyDelay),
		Drop:      drop,
		Truncate:  b.Truncate,
	}, nil
}

// goName matches the name of a field in the text of a panic.
var goName = regexp.MustCompile(`Fault\.([A-Z])`)

// tryInject turns the panic of [emulator.Handler.Inject] for an invalid fault into an error with the names of the JSON.
func (a *api) tryInject(fault emulator.Fault) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			text := strings.TrimPrefix(fmt.Sprint(reason), "emulator: ")
			err = errors.New(goName.ReplaceAllStringFunc(text, func(name string) string {
				return strings.ToLower(strings.TrimPrefix(name, "Fault."))
			}))
		}
	}()
	a.emulator.Inject(fault)
	return nil
}

func (a *api) clearFaults(w http.ResponseWriter, _ *http.Request) *apiError {
	a.emulator.ClearFaults()
	return respondNoContent(w)
}

package native

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// output is the struct that a route's function returns: with a Body or without
// one, and with its Status where there is more than one.
type output struct {
	of           reflect.Type
	status, body int // which field; -1: it has none
	usual        int // status of a success
}

func outputOf(t reflect.Type, status int) output {
	field := func(name string) int {
		if f, has := t.FieldByName(name); has {
			return f.Index[0]
		}
		return -1
	}
	o := output{of: t, status: field("Status"), body: field("Body"), usual: status}
	switch {
	case o.usual != 0:
	case o.body < 0:
		o.usual = http.StatusNoContent
	default:
		o.usual = http.StatusOK
	}
	return o
}

func (o output) response(shapes huma.Registry) *huma.Response {
	described := &huma.Response{Description: http.StatusText(o.usual)}
	if o.body >= 0 {
		described.Content = inJSON(shapes.Schema(o.of.Field(o.body).Type, true, o.of.Name()+"Body"))
	}
	return described
}

// reply is the output of every route to huma, most of which is compiled again
// for each shape of one.
type reply struct{ Body func(huma.Context) }

// reply writes answer, a pointer to such a struct.
func (o output) reply(answer any) *reply {
	fields, status := reflect.ValueOf(answer).Elem(), o.usual
	if o.status >= 0 {
		status = int(fields.Field(o.status).Int())
	}
	return &reply{func(hc huma.Context) {
		if o.body < 0 || status == http.StatusNoContent {
			hc.SetStatus(status)
			return
		}
		hc.SetHeader("Content-Type", "application/json")
		hc.SetStatus(status)
		err := jsonFormat.Marshal(hc.BodyWriter(), fields.Field(o.body).Interface())
		if err != nil && hc.Context().Err() == nil {
			panic(err)
		}
	}}
}

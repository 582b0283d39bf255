package misbehave

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// maxBody bounds what is sent to an admin port.
const maxBody = 1 << 20

// Serve adds GET, POST and DELETE /faults and DELETE /faults/{id} to a service's admin port.
func (fs *Faults) Serve(mux *http.ServeMux) {
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { Answer(w, http.StatusOK, fs.List()) })
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		fs.ClearAll()
		Answer(w, http.StatusOK, fs.List())
	})
	mux.HandleFunc("DELETE /faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !fs.Clear(r.PathValue("id")) {
			Refuse(w, http.StatusNotFound, errors.New("there is no such fault"))
			return
		}
		Answer(w, http.StatusOK, fs.List())
	})
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		if Change(w, r, &f, func() (err error) { f.ID, err = fs.Inject(f); return err }) {
			Answer(w, http.StatusCreated, map[string]string{"id": f.ID})
		}
	})
}

// ErrNotThere says that what a document is about does not exist.
var ErrNotThere = errors.New("there is no such thing")

// Change reads a request's document and does what it says; false means that it was refused, and said so.
func Change(w http.ResponseWriter, r *http.Request, into any, do func() error) bool {
	err := Decode(http.MaxBytesReader(w, r.Body, maxBody), into)
	if err == nil {
		err = do()
	}
	switch {
	case errors.Is(err, ErrNotThere):
		Refuse(w, http.StatusNotFound, err)
	case err != nil:
		Refuse(w, http.StatusBadRequest, err)
	}
	return err == nil
}

// Decode refuses members that it does not know.
func Decode(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// Answer writes a value as JSON.
func Answer(w http.ResponseWriter, status int, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // whoever asked has gone
}

// Refuse answers with an error.
func Refuse(w http.ResponseWriter, status int, err error) {
	Answer(w, status, map[string]string{"error": err.Error()})
}

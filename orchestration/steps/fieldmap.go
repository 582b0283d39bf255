package steps

// fieldmap changes the data that later steps see. It is made anew in every go at the event, so it must not depend on how far that has come:
// $learned, which grows, is not for it.
func (m *making) fieldmap() {
	if m.o.Map == "" {
		m.wrong("map", "is missing", "say in jq what the data become, such as .delivery.mode = \"standard\"")
		return
	}
	if p := m.program("map", m.o.Map, false, maxData); p != nil {
		m.made.Map = p.of
	}
}

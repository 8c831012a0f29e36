CREATE TABLE placements (
    connection_id BIGINT NOT NULL,
    invoice TEXT NOT NULL,
    line TEXT NOT NULL,
    kind TEXT DEFAULT '' NOT NULL,
    record TEXT DEFAULT '' NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT placements_pkey PRIMARY KEY (connection_id, invoice, line)
)
--;
CREATE INDEX placements_connection_id_kind_record_idx ON placements (connection_id, kind, record)
--;
COMMENT ON COLUMN placements.connection_id IS 'store: the connection this row belongs to'
--;
COMMENT ON COLUMN placements.invoice IS 'erp: the supplier invoice'
--;
COMMENT ON COLUMN placements.line IS 'erp: its line; the key makes it impossible for a line to be in two places'
--;
COMMENT ON COLUMN placements.kind IS 'engine: kind of the one record in the projects system that has it'
--;
COMMENT ON COLUMN placements.record IS 'engine: that record''s key, without the suffix of its corrections'
--;
COMMENT ON COLUMN placements.at IS 'store: when the place was claimed, before anything was sent'
--;
COMMENT ON COLUMN links.erp_id IS 'engine: its id in the system that bore it: the erp, but for what comes back'
--;
COMMENT ON COLUMN links.target_id IS 'other side: the record''s id there'

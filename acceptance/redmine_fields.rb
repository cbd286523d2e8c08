# Custom fields of issues in which the gateway keeps its keys, for every project and tracker. Nothing is made twice. Run in
# Redmine's own folder: ruby bin/rails runner redmine_fields.rb. The start script's Redmine gets them by make live.
[['GatewayKey', true], ['GatewayNoteKey', false]].each do |name, is_filter|
  field = IssueCustomField.find_or_initialize_by(name: name)
  field.update!(field_format: 'string', is_for_all: true, is_filter: is_filter, trackers: Tracker.all)
end

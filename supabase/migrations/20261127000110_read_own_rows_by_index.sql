-- A list of tenants that the planner can look up in an index. `tenant_id in (select ...)` in a policy is a filter on every row of
-- the table: a reader of one business would read all of everybody's pages to find their own.

alter policy tenants_select_as_member on public.tenants using (tenant_id = any (array(
  select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
)));
alter policy assistants_select_as_member on public.assistants using (tenant_id = any (array(
  select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
)));
alter policy assistant_versions_select_as_member on public.assistant_versions using (tenant_id = any (array(
  select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
)));
alter policy phone_numbers_select_as_member on public.phone_numbers using (tenant_id = any (array(
  select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
)));
alter policy calendar_connections_select_as_member on public.calendar_connections using (tenant_id = any (array(
  select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
)));
alter policy calls_select_as_member on public.calls using (tenant_id = any (array(
  select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
)));
alter policy call_events_select_as_member on public.call_events using (tenant_id = any (array(
  select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
)));
alter policy bookings_select_as_member on public.bookings using (tenant_id = any (array(
  select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
)));
alter policy messages_select_as_member on public.messages using (tenant_id = any (array(
  select members.tenant_id from public.members where members.subject = (select auth.jwt() ->> 'sub')
)));

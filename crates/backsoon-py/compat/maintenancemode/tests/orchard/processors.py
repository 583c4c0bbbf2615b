def season(request):
    return {"season": "autumn"}


def without_database(request):
    from django.db import OperationalError

    raise OperationalError("the server has gone away")

def season(request):
    return {"season": "autumn"}
